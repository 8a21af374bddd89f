"""lm-eval task files of the embedded task; usable by hand with ``lm_eval --include_path`` on this folder."""
