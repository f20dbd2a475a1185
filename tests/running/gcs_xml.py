"""The XML interface of Google Cloud Storage as far as objects go, before a server that keeps them. As documented under
"XML API": its parameters, its errors, and uploads in parts. What is not documented is refused, so that it is noticed.
"""

import base64
import gzip
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as Tree

if TYPE_CHECKING:
    from running.gcs import Gcs

Answer = tuple[int, dict[str, str], bytes]
_SPACE = "http://doc.s3.amazonaws.com/2006-03-01"
_LIST = {"list-type", "prefix", "start-after", "max-keys", "continuation-token", "delimiter", "encoding-type"}
_PART = 5 * 1024**2
_WORDS = {
    "AccessDenied": (403, "Access denied."),
    "AuthenticationRequired": (401, "Authentication required."),
    "EntityTooSmall": (400, "Your proposed upload is smaller than the minimum allowed object size."),
    "InvalidArgument": (400, "Invalid argument."),
    "InvalidPart": (400, "One or more of the specified parts could not be found."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "You must provide the Content-Length HTTP header."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (404, "The requested upload was not found."),
}


class RefusedError(Exception):
    """One of `_WORDS`, and details."""


@dataclass
class Xml:
    """The interface. `parts` are uploads under way: name, and each part by its number. What came in parts is `composed`."""

    gcs: "Gcs"
    parts: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    composed: set[str] = field(default_factory=set)

    def etag(self, each: Mapping[str, Any]) -> str:
        """The MD5 in hexadecimal digits, but of what came in parts, of which Google has none."""
        if str(each["generation"]) in self.composed:
            return f'"-{base64.b64encode(str(each["generation"]).encode()).decode()}"'
        return f'"{base64.b64decode(each["md5Hash"]).hex()}"'

    def answer(
        self, method: str, bucket: str, name: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        try:
            objects = self._objects(bucket)
            right = self._right(method, name, query)
            self._check(headers.get("authorization"), bucket, right)
            if method == "PUT" and name in objects and "partNumber" not in query:
                self._check(headers.get("authorization"), bucket, "delete")  # to write over one is to delete it
            if not name:
                return self._listed(bucket, list(objects.values()), query)
            if method in ("GET", "HEAD"):
                return self._read(method, bucket, name, objects, query, headers)
            if method == "DELETE":
                return self._deleted(bucket, name, objects, query)
            if "content-length" not in headers:
                raise RefusedError("MissingContentLength")
            return self._written(method, bucket, name, query, body)
        except RefusedError as error:
            code, details = (*error.args, "")[:2]
            status, words = _WORDS[code]
            told = f"<Error><Code>{code}</Code><Message>{words}</Message><Details>{details}</Details></Error>"
            return status, {"Content-Type": "application/xml; charset=UTF-8"}, _head(told)

    def _objects(self, bucket: str) -> dict[str, dict[str, Any]]:
        try:
            return {str(each["name"]): each for each in self.gcs.names(bucket)}
        except KeyError:
            raise RefusedError("NoSuchBucket") from None

    def _right(self, method: str, name: str, query: Mapping[str, str]) -> str:
        if not name and method != "GET":
            raise RefusedError("MethodNotAllowed")
        if not name:
            return "list"
        known = {"GET": "get", "HEAD": "get", "PUT": "create", "POST": "create", "DELETE": "delete"}
        return "create" if "uploadId" in query else known[method]

    def _check(self, header: str | None, bucket: str, right: str) -> None:
        who = self.gcs.may(header, bucket, f"storage.objects.{right}")
        if who == "unknown":
            raise RefusedError("AuthenticationRequired")
        if who:
            raise RefusedError("AccessDenied", f"{who} does not have storage.objects.{right} access to the bucket.")

    def _listed(self, bucket: str, objects: list[dict[str, Any]], query: Mapping[str, str]) -> Answer:
        if query.get("list-type") != "2" or not query.keys() <= _LIST:
            raise RefusedError("InvalidArgument", f"{sorted(query)}")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        most, root = (
            min(self.gcs.page, int(query.get("max-keys", 1000))),
            Tree.Element("ListBucketResult", xmlns=_SPACE),
        )
        folders, count, more, last = set[str](), 0, False, ""
        for each in objects:
            name = str(each["name"])
            rest, slash, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
            shown = prefix + rest + slash if slash else name
            if not name.startswith(prefix) or name.encode() <= after.encode() or shown in folders:
                continue
            if slash and shown == after:
                continue
            if count == most:
                more = True
                break
            count, last = count + 1, shown + ("\U0010ffff" if slash else "")
            if slash:
                folders.add(shown)
                _add(_add(root, "CommonPrefixes"), "Prefix", shown)
            else:
                _contents(root, each, self.etag(each))
        told = {"Name": bucket, "Prefix": prefix, "KeyCount": count, "MaxKeys": most, "IsTruncated": str(more).lower()}
        for tag, text in told.items():
            _add(root, tag, str(text))
        if more:
            _add(root, "NextContinuationToken", last)
        return 200, {"Content-Type": "application/xml; charset=UTF-8"}, _head(Tree.tostring(root, "unicode"))

    def _read(
        self,
        method: str,
        bucket: str,
        name: str,
        objects: Mapping[str, dict[str, Any]],
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Answer:
        from running.gcs import passed_on

        if query:
            raise RefusedError("InvalidArgument", f"{sorted(query)}")
        if name not in objects:
            raise RefusedError("NoSuchKey")
        path = f"/{bucket}/{quote(name, safe='')}"
        if objects[name].get("contentEncoding") == "gzip" and "gzip" not in headers.get("accept-encoding", ""):
            # Documented as decompressive transcoding: it comes whole whatever range was asked for, and longer than it is.
            _, told, body = passed_on(self.gcs, "GET", path, {"Accept-Encoding": "gzip"})
            kept = {"Etag": self.etag(objects[name]), "Last-Modified": told["Last-Modified"]}
            return 200, kept, gzip.decompress(body)
        status, told, body = passed_on(self.gcs, method, path, headers)
        return status, {**told, "Etag": self.etag(objects[name])}, body

    def _deleted(
        self, bucket: str, name: str, objects: Mapping[str, dict[str, Any]], query: Mapping[str, str]
    ) -> Answer:
        from running.gcs import passed_on

        if "uploadId" in query:
            if self.parts.pop(query["uploadId"], None) is None:
                raise RefusedError("NoSuchUpload")
            return 204, {}, b""
        if name not in objects:
            raise RefusedError("NoSuchKey")
        passed_on(self.gcs, "DELETE", f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}", {})
        return 204, {}, b""

    def _written(self, method: str, bucket: str, name: str, query: Mapping[str, str], body: bytes) -> Answer:
        if method == "POST" and set(query) == {"uploads"}:
            upload = secrets.token_hex(16)
            self.parts[upload] = (name, {})
            told = f"<InitiateMultipartUploadResult xmlns='{_SPACE}'><Bucket>{bucket}</Bucket><UploadId>{upload}</UploadId>"
            return 200, {}, _head(told + "</InitiateMultipartUploadResult>")
        if not query and method == "PUT":
            made = self.gcs.put(bucket, name, body)
            return 200, {"ETag": self.etag(made), "x-goog-generation": str(made["generation"])}, b""
        upload = query.get("uploadId", "")
        if self.parts.get(upload, ("", {}))[0] != name:
            raise RefusedError("NoSuchUpload")
        if method == "PUT" and set(query) == {"partNumber", "uploadId"}:
            self.parts[upload][1][int(query["partNumber"])] = body
            return 200, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}, b""
        if method == "POST" and set(query) == {"uploadId"}:
            return self._completed(bucket, name, upload, body)
        raise RefusedError("InvalidArgument", f"{sorted(query)}")

    def _completed(self, bucket: str, name: str, upload: str, body: bytes) -> Answer:
        kept, pieces = self.parts[upload][1], list[bytes]()
        for part in Tree.fromstring(body).iter():
            if not part.tag.endswith("}Part") and part.tag != "Part":
                continue
            number, etag = (
                next(each.text or "" for each in part if each.tag.endswith(tag)) for tag in ("Number", "ETag")
            )
            piece = kept.get(int(number))
            if piece is None or etag.strip('"') != hashlib.md5(piece).hexdigest():
                raise RefusedError("InvalidPart")
            pieces.append(piece)
        if any(len(piece) < _PART for piece in pieces[:-1]):
            raise RefusedError("EntityTooSmall")
        del self.parts[upload]
        made = self.gcs.put(bucket, name, b"".join(pieces))
        self.composed.add(str(made["generation"]))
        told = (
            f"<CompleteMultipartUploadResult xmlns='{_SPACE}'><Bucket>{bucket}</Bucket><ETag>{self.etag(made)}</ETag>"
        )
        return 200, {"x-goog-generation": str(made["generation"])}, _head(told + "</CompleteMultipartUploadResult>")


def _add(parent: Tree.Element, tag: str, text: str | None = None) -> Tree.Element:
    made = Tree.SubElement(parent, tag)
    made.text = text
    return made


def _contents(root: Tree.Element, each: Mapping[str, Any], etag: str) -> None:
    made = _add(root, "Contents")
    told = {"Key": "name", "Generation": "generation", "MetaGeneration": "metageneration", "Size": "size"}
    for tag, key in told.items():
        _add(made, tag, str(each[key]))
    _add(made, "LastModified", str(each["updated"]))
    _add(made, "ETag", etag)


def _head(text: str) -> bytes:
    return f"<?xml version='1.0' encoding='UTF-8'?>{text}".encode()
