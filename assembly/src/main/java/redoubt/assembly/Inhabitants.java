package redoubt.assembly;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import redoubt.assembly.content.Content;
import redoubt.assembly.content.RaidSignatures;
import redoubt.assembly.content.Signatures;
import redoubt.base.Extent;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.Finding;
import redoubt.metadata.Printable;
import redoubt.metadata.ReadFailed;

/**
 * What lives on a disk that somebody is about to overwrite, in words by which its owner knows it: metadata of a RAID, partition tables, file
 * systems, LVM and the like. What nothing here knows is something all the same: a disk is empty only when all of it was seen to be zeroes,
 * or the file system that it is a file in says that nothing was ever written there.
 */
final class Inhabitants {

    /** How much is read for a proof that a disk is empty: a few seconds' worth. A larger disk that says nothing else counts as filled. */
    static final long PROOF_BYTES = 1L << 30;

    private static final int PIECE_BYTES = 1 << 20;

    private Inhabitants() {}

    /** What is there, the metadata first; empty for an empty disk. */
    static List<String> of(OpenDisk open, ScannedDisk scanned) throws ReadFailed {
        Content disk = new DiskPages(open);
        List<String> found = new ArrayList<>();
        scanned.finding().ifPresent(finding -> found.addAll(metadata(scanned, finding)));
        RaidSignatures.of(disk).forEach(each -> found.add(Printable.of(each)));
        found.addAll(Signatures.of(disk).kinds());
        if (found.isEmpty()) {
            nameless(open, PROOF_BYTES).ifPresent(found::add);
        }
        return found;
    }

    private static List<String> metadata(ScannedDisk scanned, Finding finding) {
        String format = scanned.format().orElse("unknown");
        return switch (finding) {
            case Finding.Absent() -> List.of();
            case Finding.Whole(var metadata) -> List.of(format + " metadata " + volumes(metadata.picture()));
            case Finding.Torn torn -> List.of(format + " metadata that is torn");
            case Finding.Malformed malformed -> List.of(format + " metadata that is damaged");
        };
    }

    private static String volumes(ContainerPicture container) {
        return container.volumes().isEmpty()
                ? "of a spare"
                : container.volumes().stream()
                        .map(volume -> "'" + Printable.of(volume.name()) + "'")
                        .collect(Collectors.joining(" and ", "of ", ""));
    }

    /**
     * What there is that has no name.
     *
     * @param limit how many bytes are read at most
     */
    static Optional<String> nameless(OpenDisk open, long limit) throws ReadFailed {
        int block = open.device().limits().blockBytes();
        long size = open.device().limits().sizeBytes() / block * block;
        long left = limit;
        for (Extent data : open.reads().data(0, size)) {
            for (long at = data.offset(); at < data.end(); at += PIECE_BYTES) {
                if (left <= 0) {
                    return Optional.of("perhaps something: only %d MiB of it were looked at, and are zeroes"
                            .formatted(limit >> 20));
                }
                int length = (int) Math.min(PIECE_BYTES, data.end() - at);
                if (!Likeness.zero(open.reads().read(at, length))) {
                    return Optional.of("something that is not known here");
                }
                left -= length;
            }
        }
        return Optional.empty();
    }
}
