package redoubt.assembly;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.Optional;

/**
 * What a disk says of itself, outside its content: a block device through sysfs, an image file through an extended attribute. The text is
 * raw; a metadata format makes its normal form of it.
 */
final class SerialSources {

    /** Java puts {@code user.} before it. */
    private static final String ATTRIBUTE = "redoubt.serial";

    private static final int TEXT_LIMIT_BYTES = 256;

    private final Path sysfs;

    /** @param sysfs where sysfs is mounted, {@code /sys} on every machine but a test's */
    SerialSources(Path sysfs) {
        this.sysfs = sysfs;
    }

    /** The serial of a block device, where it has one; a loop device has none. */
    Optional<String> ofDevice(Path device) {
        try {
            long number = ((Number) Files.getAttribute(device, "unix:rdev")).longValue();
            long major = ((number >>> 8) & 0xFFF) | ((number >>> 32) & ~0xFFFL);
            long minor = (number & 0xFF) | ((number >>> 12) & ~0xFFL);
            return ofSysfs(sysfs.resolve("dev/block/" + major + ":" + minor));
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException nobodyKnows) {
            return Optional.empty();
        }
    }

    /**
     * The serial of the device whose directory in sysfs this is: INQUIRY page 0x80 of a SCSI or ATA disk, the controller's serial of an NVMe
     * disk, virtio's own.
     */
    Optional<String> ofSysfs(Path directory) {
        return ofPage80(directory.resolve("device/vpd_pg80"))
                .or(() -> ofText(directory.resolve("device/serial")))
                .or(() -> ofText(directory.resolve("serial")));
    }

    /** Page 0x80: four bytes of header, of which the last is the length of the text. */
    private static Optional<String> ofPage80(Path file) {
        try {
            byte[] page = Files.readAllBytes(file);
            if (page.length < 4) {
                return Optional.empty();
            }
            int length = Math.min(page[3] & 0xFF, page.length - 4);
            return nonBlank(new String(page, 4, length, StandardCharsets.ISO_8859_1));
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    private static Optional<String> ofText(Path file) {
        try {
            return nonBlank(Files.readString(file, StandardCharsets.ISO_8859_1));
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    /** The serial that {@code create} gave an image file, where the file system keeps such attributes. */
    static Optional<String> ofFile(Path file) {
        UserDefinedFileAttributeView view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
        if (view == null) {
            return Optional.empty();
        }
        try {
            int size = view.size(ATTRIBUTE);
            if (size > TEXT_LIMIT_BYTES) {
                return Optional.empty();
            }
            ByteBuffer text = ByteBuffer.allocate(size);
            view.read(ATTRIBUTE, text);
            return nonBlank(new String(text.array(), 0, text.position(), StandardCharsets.UTF_8));
        } catch (IOException | UnsupportedOperationException absent) {
            return Optional.empty();
        }
    }

    /** Keeps a serial with an image file; answers whether the file system could. */
    static boolean keep(Path file, String serial) {
        UserDefinedFileAttributeView view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
        if (view == null) {
            return false;
        }
        try {
            view.write(ATTRIBUTE, ByteBuffer.wrap(serial.getBytes(StandardCharsets.UTF_8)));
            return true;
        } catch (IOException | UnsupportedOperationException cannot) {
            return false;
        }
    }

    private static Optional<String> nonBlank(String text) {
        return text.isBlank() ? Optional.empty() : Optional.of(text);
    }
}
