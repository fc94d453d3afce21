package redoubt.assembly.content;

import java.util.List;
import redoubt.metadata.ReadFailed;

/**
 * Looks for partition tables and file systems from the beginning of a content. Follows what they promise: a partition is looked into, a
 * file system's copies of its own superblock are looked for at their places, which lie all over the volume.
 */
public final class Signatures {

    /** How deep: a volume has partitions, a partition has a file system. */
    private static final int DEPTH = 2;

    private Signatures() {}

    /** What speaks for the content being in order. */
    public static Testimony of(Content content) throws ReadFailed {
        Testimony testimony = new Testimony();
        look(content, testimony, DEPTH);
        return testimony;
    }

    private static void look(Content content, Testimony testimony, int depth) throws ReadFailed {
        ExtFileSystem.look(content, testimony);
        XfsFileSystem.look(content, testimony);
        OtherContents.look(content, testimony);
        NtfsFileSystem.look(content, testimony);
        if (depth > 1) {
            List<PartitionTable.Partition> partitions = PartitionTable.look(content, testimony);
            for (PartitionTable.Partition partition : partitions) {
                look(content.part(partition.offset(), partition.bytes()), testimony, depth - 1);
            }
        }
    }
}
