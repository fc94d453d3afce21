package redoubt.block;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** A channel that can do nothing, but for what a test overrides. */
abstract class FakeChannel extends FileChannel {

    @Override
    public void force(boolean metaData) throws IOException {
        throw no();
    }

    private static UnsupportedOperationException no() {
        return new UnsupportedOperationException("this fake cannot do that");
    }

    @Override
    public int read(ByteBuffer into) {
        throw no();
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int length) {
        throw no();
    }

    @Override
    public int write(ByteBuffer from) {
        throw no();
    }

    @Override
    public long write(ByteBuffer[] from, int offset, int length) {
        throw no();
    }

    @Override
    public long position() {
        throw no();
    }

    @Override
    public FileChannel position(long newPosition) {
        throw no();
    }

    @Override
    public long size() {
        throw no();
    }

    @Override
    public FileChannel truncate(long size) {
        throw no();
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) {
        throw no();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) {
        throw no();
    }

    @Override
    public int read(ByteBuffer into, long position) {
        throw no();
    }

    @Override
    public int write(ByteBuffer from, long position) {
        throw no();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
        throw no();
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) {
        throw no();
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) {
        throw no();
    }

    @Override
    protected void implCloseChannel() {}
}
