package redoubt.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A block device over a file. It is there as long as somebody has it open: this process, and the program that takes its place. After the last
 * one, however that ends, the kernel takes it away.
 *
 * @param number as the kernel writes it, such as 7:3
 * @param descriptor by which this process has it open
 */
record LoopDevice(String number, int descriptor) {

    private static final String CONTROL = "/dev/loop-control";
    private static final long GET_FREE = 0x4C82;
    private static final long CONFIGURE = 0x4C0A;
    private static final int FLAG_AUTOCLEAR = 4;
    private static final int FLAG_DIRECT_IO = 16;
    private static final int ATTEMPTS = 50;

    //   0: file (4)   4: block (4)   8: loop_info64 (232), in it   52: flags (4)   56: name (64)   ...   304: end
    private static final int CONFIG_BYTES = 304;
    private static final int BLOCK_AT = 4;
    private static final int FLAGS_AT = 8 + 52;
    private static final int NAME_AT = 8 + 56;
    private static final int NAME_LIMIT_BYTES = 63;

    /**
     * Lays one over a file that is open.
     *
     * @param file its descriptor, which may be closed afterwards
     * @param name what losetup calls the file
     */
    static LoopDevice over(int file, String name, int blockBytes, boolean direct) throws IOException {
        byte[] config = new byte[CONFIG_BYTES];
        ByteBuffer fields = ByteBuffer.wrap(config).order(ByteOrder.nativeOrder());
        fields.putInt(0, file)
                .putInt(BLOCK_AT, blockBytes)
                .putInt(FLAGS_AT, FLAG_AUTOCLEAR | (direct ? FLAG_DIRECT_IO : 0));
        byte[] shown = name.getBytes(StandardCharsets.UTF_8);
        fields.put(NAME_AT, Arrays.copyOf(shown, Math.min(shown.length, NAME_LIMIT_BYTES)));
        int control = SystemCalls.open(CONTROL, SystemCalls.O_RDWR | SystemCalls.O_CLOEXEC);
        try {
            for (int attempt = 1; ; attempt++) {
                Path device =
                        Path.of("/dev/loop" + SystemCalls.control("find a free loop device", control, GET_FREE, null));
                int descriptor = SystemCalls.open(device.toString(), SystemCalls.O_RDWR);
                try {
                    SystemCalls.control("lay '" + device + "' over '" + name + "'", descriptor, CONFIGURE, config);
                    return new LoopDevice(number(device), descriptor);
                } catch (SystemCalls.Failed taken) {
                    SystemCalls.close(descriptor);
                    if (taken.errno() != SystemCalls.EBUSY || attempt == ATTEMPTS) {
                        throw taken;
                    }
                }
            }
        } finally {
            SystemCalls.close(control);
        }
    }

    /** The number of a node in {@code /dev}, major first. */
    private static String number(Path device) throws IOException {
        long number = (Long) Files.getAttribute(device, "unix:rdev");
        long major = (number >>> 8) & 0xFFF;
        long minor = (number & 0xFF) | ((number >>> 12) & 0xFFF00);
        return major + ":" + minor;
    }
}
