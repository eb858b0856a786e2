"""The commands of `loopixmix simulate`: one module each, imported when it is called."""
