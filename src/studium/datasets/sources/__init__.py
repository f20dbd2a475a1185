"""Where the files of versions come from: addresses, git repositories, notebooks; and the bringing of them."""
