package openh264

// beforeLong is how many bytes C leaves free between a number of 32 bits and one of 64 where Go does not.
const beforeLong = 4
