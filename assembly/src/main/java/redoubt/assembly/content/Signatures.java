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
        return of(content, 0);
    }

    /**
     * The same, with an account of the beginning.
     *
     * @param accounted up to which byte it is noted what is known to be there ({@link Testimony#unaccounted})
     */
    public static Testimony of(Content content, long accounted) throws ReadFailed {
        Testimony testimony = new Testimony(accounted);
        if (look(content, testimony, DEPTH)) {
            testimony.fills();
        }
        return testimony;
    }

    /** Whether what is found fills the content, and is the only thing found there. */
    private static boolean look(Content content, Testimony testimony, int depth) throws ReadFailed {
        List<Fit> found = List.of(
                ExtFileSystem.look(content, testimony),
                XfsFileSystem.look(content, testimony),
                OtherContents.btrfs(content, testimony),
                OtherContents.lvm(content, testimony),
                OtherContents.luks(content, testimony),
                OtherContents.swap(content, testimony),
                NtfsFileSystem.look(content, testimony),
                depth > 1 ? partitions(content, testimony, depth) : Fit.ABSENT);
        List<Fit> there = found.stream().filter(fit -> fit != Fit.ABSENT).toList();
        return there.size() == 1 && there.getFirst() == Fit.FILLS;
    }

    private static Fit partitions(Content content, Testimony testimony, int depth) throws ReadFailed {
        PartitionTable.Found table = PartitionTable.look(content, testimony);
        Fit fit = table.fit();
        for (PartitionTable.Partition partition : table.partitions()) {
            if (look(content.part(partition.offset(), partition.bytes()), testimony, depth - 1)) {
                fit = Fit.FILLS;
            }
        }
        return fit;
    }
}
