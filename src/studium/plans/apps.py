from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "studium.plans"
