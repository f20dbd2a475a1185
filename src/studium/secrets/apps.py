from django.apps import AppConfig


class SecretsConfig(AppConfig):
    name = "studium.secrets"
    label = "secrets"
