package redoubt.assembly.content;

import redoubt.metadata.ReadFailed;

/** Bytes that are looked at: a disk, or a volume under the assumption that its disks are arranged in some way. */
public interface Content {

    /** How many bytes there are. */
    long size();

    /**
     * Reads bytes, wherever they begin.
     *
     * @return a fresh array of that length
     * @throws ReadFailed if they cannot all be read, or lie outside
     */
    byte[] read(long offset, int length) throws ReadFailed;

    /** Where this content begins in the whole that is looked at. */
    default long origin() {
        return 0;
    }

    /** A part of this content, as a content of its own. */
    default Content part(long from, long bytes) {
        Content whole = this;
        return new Content() {
            @Override
            public long origin() {
                return whole.origin() + from;
            }

            @Override
            public long size() {
                return bytes;
            }

            @Override
            public byte[] read(long offset, int length) throws ReadFailed {
                if (offset < 0 || offset > bytes - length) {
                    throw new ReadFailed(
                            "%d bytes at byte %d lie outside a part of %d bytes".formatted(length, offset, bytes));
                }
                return whole.read(from + offset, length);
            }
        };
    }
}
