"""The proof of the promotion guarantee: crashes, races and whole runs, on real stores."""
