package redoubt.metadata.imsm;

import redoubt.metadata.LittleEndian;

/** The sum, modulo 2^32, of all words of a block except the word that holds the sum (docs/FORMATS.md, "Header"). */
final class ImsmChecksum {

    private ImsmChecksum() {}

    static int of(byte[] block, int size) {
        int sum = 0;
        for (int at = 0; at + 4 <= size; at += 4) {
            sum += LittleEndian.word(block, at);
        }
        return sum - LittleEndian.word(block, ImsmHeader.CHECK_SUM_AT);
    }
}
