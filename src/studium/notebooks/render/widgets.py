"""The saved state of ipywidgets: what one view of it needs, and about how high that is when it is drawn."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
_REFERENCE = "IPY_MODEL_"
# What differs each time a notebook is run, though what is drawn is the same.
_PASSING = ("_view_count", "msg_id")
# Of one view, so that a circle of references, or a state that holds everything, ends.
_MOST_MODELS = 2000
_ROW = 36
_HEIGHTS = {
    "TextareaModel": 90, "SelectMultipleModel": 110, "SelectModel": 110, "ImageModel": 320, "VideoModel": 320,
    "HTMLModel": 44, "HTMLMathModel": 44, "FileUploadModel": 44, "AudioModel": 64, "RadioButtonsModel": 110,
    "OutputModel": 120,
}  # fmt: skip
_SIDE_BY_SIDE = ("HBoxModel",)
_ONE_AT_A_TIME = ("TabModel", "AccordionModel", "StackModel")


def saved_state(metadata: Any) -> Json:
    """The models a notebook was saved with, by id; empty where there are none."""
    widgets = metadata.get("widgets") if isinstance(metadata, dict) else None
    kept = widgets.get(STATE) if isinstance(widgets, dict) else None
    models = kept.get("state") if isinstance(kept, dict) else None
    return {k: v for k, v in models.items() if isinstance(v, dict)} if isinstance(models, dict) else {}


def needed(models: Json, first: str) -> Json:
    """The model and all that it refers to; empty where the model or one of those was not saved."""
    found: Json = {}
    waiting = [first]
    while waiting:
        model = waiting.pop()
        if model in found:
            continue
        if model not in models or len(found) >= _MOST_MODELS:
            return {}
        found[model] = models[model]
        waiting.extend(_references(models[model].get("state")))
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(_REFERENCE):
            yield value.removeprefix(_REFERENCE)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def likeness(models: Json, first: str) -> Json:
    """What the view of a model is drawn from, the same for the same widget of another run; empty where it was not saved."""
    wanted = needed(models, first)
    numbers = {model: number for number, model in enumerate(wanted)}

    def alike(value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_REFERENCE):
            return numbers.get(value.removeprefix(_REFERENCE), value)
        if isinstance(value, dict):
            return {key: alike(inner) for key, inner in value.items() if key not in _PASSING}
        return [alike(inner) for inner in value] if isinstance(value, list) else value

    return {str(numbers[model]): alike(kept) for model, kept in wanted.items()}


def height(models: Json, model: str, depth: int = 0) -> int:
    """About how many pixels the view of a model takes; boxes are as high as what stands in them."""
    known = models.get(model) if depth < 20 else None
    if known is None:
        return _ROW
    state = known.get("state")
    state = state if isinstance(state, dict) else {}
    kind = known.get("model_name")
    inner = [height(models, each, depth + 1) for each in _references(state.get("children"))]
    if kind == "OutputModel":
        return _output_height(state.get("outputs"))
    if not inner:
        return _HEIGHTS.get(str(kind), _ROW)
    if kind in _SIDE_BY_SIDE:
        return max(inner)
    if kind in _ONE_AT_A_TIME:
        return max(inner) + (_ROW * len(inner) if kind == "AccordionModel" else _ROW) + 24
    return min(sum(inner), 20_000)


def _output_height(outputs: Any) -> int:
    kept = [each for each in outputs if isinstance(each, dict)] if isinstance(outputs, list) else []
    pictures = sum(1 for each in kept if any("image/" in str(kind) for kind in each.get("data") or ()))
    return min(40 + 420 * pictures + 60 * (len(kept) - pictures), 1200)
