"""Where the files of versions come from: addresses, git repositories, notebooks, storage providers; and the bringing of them."""
