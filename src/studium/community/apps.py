from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "studium.community"
    label = "community"
