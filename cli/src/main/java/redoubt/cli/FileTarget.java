package redoubt.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file, a block device or stdout that an array is copied to. A file is sparse where the array holds zeroes. */
final class FileTarget implements CopyTarget {

    private static final int HOLE_BYTES = 64 << 10;
    private static final MemorySegment ZEROES = MemorySegment.ofArray(new byte[HOLE_BYTES]);

    private final FileChannel channel;
    private final boolean sparse;
    private final boolean seeks;
    private final long size;

    private FileTarget(FileChannel channel, boolean sparse, boolean seeks, long size) {
        this.channel = channel;
        this.sparse = sparse;
        this.seeks = seeks;
        this.size = size;
    }

    static FileTarget stdout(long size) {
        return new FileTarget(new FileOutputStream(FileDescriptor.out).getChannel(), false, false, size);
    }

    /** Opens a file or a block device; what holds something already is refused unless {@code overwrite}. */
    static FileTarget open(Path path, boolean overwrite, long size) throws Refused, IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null && !Files.isDirectory(folder)) {
            throw new Refused(ExitCode.IO, "there is no folder '" + folder + "' to copy into");
        }
        boolean regular = !Files.exists(path) || Files.isRegularFile(path);
        boolean device = !regular && isBlockDevice(path);
        boolean filled = device || (regular && Files.exists(path) && Files.size(path) > 0);
        if (filled && !overwrite) {
            throw new Refused(
                    ExitCode.REFUSED, "'" + path + "' is there already; insist with --overwrite, or name another DEST");
        }
        FileChannel channel = regular
                ? FileChannel.open(
                        path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)
                : FileChannel.open(path, StandardOpenOption.WRITE);
        return new FileTarget(channel, regular, regular || device, size);
    }

    static boolean isBlockDevice(Path path) throws IOException {
        if (!Files.exists(path)) {
            return false;
        }
        int type = (int) Files.getAttribute(path, "unix:mode") & 0170000;
        return type == 0060000;
    }

    @Override
    public void write(long offset, ByteBuffer content) throws IOException {
        if (!sparse) {
            put(offset, content);
            return;
        }
        MemorySegment bytes = MemorySegment.ofBuffer(content);
        int base = content.position();
        for (int at = 0; at < bytes.byteSize(); at += HOLE_BYTES) {
            long part = Math.min(HOLE_BYTES, bytes.byteSize() - at);
            if (bytes.asSlice(at, part).mismatch(ZEROES.asSlice(0, part)) >= 0) {
                content.limit(base + at + (int) part).position(base + at);
                put(offset + at, content);
            }
        }
    }

    @Override
    public void zeroes(long offset, long length) throws IOException {
        for (long at = 0; at < length && !sparse; at += HOLE_BYTES) {
            put(offset + at, ByteBuffer.allocate((int) Math.min(HOLE_BYTES, length - at)));
        }
    }

    private void put(long offset, ByteBuffer content) throws IOException {
        long at = offset;
        while (content.hasRemaining()) {
            at += seeks ? channel.write(content, at) : channel.write(content);
        }
    }

    @Override
    public void finish() throws IOException {
        if (sparse && channel.size() < size) {
            channel.write(ByteBuffer.allocate(1), size - 1);
        }
        if (seeks) {
            channel.force(true);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
