package redoubt.cli;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Where the content of an array goes, from its first byte to its last. */
interface CopyTarget extends AutoCloseable {

    /** The next bytes, which begin at {@code offset}; valid during the call. */
    void write(long offset, ByteBuffer content) throws IOException, Refused;

    /** The next bytes are zeroes. */
    void zeroes(long offset, long length) throws IOException, Refused;

    /** Everything is there, and durable where that means something. */
    void finish() throws IOException, Refused;

    @Override
    void close() throws IOException;
}
