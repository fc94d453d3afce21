package redoubt.assembly.content;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import redoubt.metadata.ReadFailed;

/**
 * The metadata of RAIDs that stands on a disk beside the content of a volume: Linux md's, of which each version has its own place, and DDF's.
 * Only the word that marks it is looked at; who wants to know more has a codec.
 *
 * <pre>
 * md 1.x:  0 0xa92b4efc (4)   4 major version 1 (4)   32 name (32)     1.1: byte 0   1.2: byte 4096   1.0: 8 to 12 KiB before the end
 * md 0.90: 0 0xa92b4efc (4)   4 major version 0 (4)                    64 to 128 KiB before the end; in the byte order of its writer
 * DDF:     0 0xDE11DE11 (4), big-endian                                the last sector
 * </pre>
 */
public final class RaidSignatures {

    private static final int MD_MAGIC = 0xA92B_4EFC;
    private static final int DDF_MAGIC = 0xDE11_DE11;
    private static final int NAME_AT = 32;
    private static final int NAME_BYTES = 32;
    private static final int SECTOR_BYTES = 512;

    private RaidSignatures() {}

    /** What is there, each in a few words. */
    public static List<String> of(Content disk) throws ReadFailed {
        List<String> found = new ArrayList<>();
        long sectors = disk.size() / SECTOR_BYTES;
        one(disk, 0, "1.1", found);
        one(disk, 4096, "1.2", found);
        one(disk, (sectors - 16 & ~7L) * SECTOR_BYTES, "1.0", found);
        old(disk, (disk.size() & ~0xFFFFL) - 0x1_0000, found);
        if (Piece.big(disk, (sectors - 1) * SECTOR_BYTES, 4).getInt(0) == DDF_MAGIC) {
            found.add("DDF metadata");
        }
        return found;
    }

    private static void one(Content disk, long at, String version, List<String> found) throws ReadFailed {
        Piece superblock = Piece.little(disk, at, NAME_AT + NAME_BYTES);
        if (superblock.getInt(0) == MD_MAGIC && superblock.getInt(4) == 1) {
            String name = new String(superblock.bytes(), NAME_AT, NAME_BYTES, StandardCharsets.UTF_8);
            int end = name.indexOf('\0');
            String told = end < 0 ? name : name.substring(0, end);
            found.add("Linux md metadata " + version + (told.isEmpty() ? "" : " of '" + told + "'"));
        }
    }

    private static void old(Content disk, long at, List<String> found) throws ReadFailed {
        int little = Piece.little(disk, at, 4).getInt(0);
        if (little == MD_MAGIC || Integer.reverseBytes(little) == MD_MAGIC) {
            found.add("Linux md metadata 0.90");
        }
    }
}
