"""From judged samples to estimates."""
