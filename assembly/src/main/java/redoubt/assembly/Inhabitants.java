package redoubt.assembly;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import redoubt.assembly.content.Content;
import redoubt.assembly.content.RaidSignatures;
import redoubt.assembly.content.Signatures;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.Finding;
import redoubt.metadata.Printable;
import redoubt.metadata.ReadFailed;

/**
 * What lives on a disk that somebody is about to overwrite, in words by which its owner knows it: metadata of a RAID, partition tables, file
 * systems, LVM and the like. What nothing here knows is said to be something all the same, as long as it is not zeroes.
 */
final class Inhabitants {

    private static final int EDGE_BYTES = 64 << 10;

    private Inhabitants() {}

    /** What is there, the metadata first; empty for a disk whose beginning and end are zeroes. */
    static List<String> of(OpenDisk open, ScannedDisk scanned) throws ReadFailed {
        Content disk = new DiskPages(open);
        List<String> found = new ArrayList<>();
        scanned.finding().ifPresent(finding -> found.addAll(metadata(scanned, finding)));
        RaidSignatures.of(disk).forEach(each -> found.add(Printable.of(each)));
        found.addAll(Signatures.of(disk).kinds());
        if (found.isEmpty() && anythingAtTheEdges(open, disk)) {
            found.add("something that is not known here");
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

    /** Where partition tables, file systems and metadata are. */
    private static boolean anythingAtTheEdges(OpenDisk open, Content disk) throws ReadFailed {
        int block = open.device().limits().blockBytes();
        long size = disk.size() / block * block;
        int length = (int) Math.min(EDGE_BYTES, size);
        return !Likeness.zero(disk.read(0, length)) || !Likeness.zero(disk.read(size - length, length));
    }
}
