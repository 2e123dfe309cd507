// Package term shows pictures in a terminal, and reads its keys.
//
// A character cell shows two pixels: U+2580, the upper half block, in the colour of the
// upper one on a background of the lower one's. A cell being about twice as high as
// wide, these pixels are about square. Colours are 24 bits deep, or of the terminal's palette;
// without colours a cell shows a character that is more or less dense. ColoursOf decides by the
// environment.
//
// A Renderer turns pictures into the bytes that make a terminal show them; it does no
// I/O. A Terminal is the one the program runs in: it takes the screen and the keyboard
// over, and gives them back. Keys are understood by KeyReader.
//
// Package screen, below this one, is the other side: what a terminal would show.
package term
