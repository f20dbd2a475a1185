"""Storage providers: buckets, containers and web servers of a team's, read and written through the platform."""
