"""What is markup in a text: a tag begins with a letter, or with what closes, comments or declares; "<3" and "<2 kg" are none."""

TAG = "<[a-zA-Z/!?][^>]{0,199}>"
