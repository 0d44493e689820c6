"""The project in Datasette: pages, charts and what keeps them safe."""
