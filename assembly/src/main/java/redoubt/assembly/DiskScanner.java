package redoubt.assembly;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import redoubt.assembly.content.RaidSignatures;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Printable;
import redoubt.metadata.ReadFailed;

/** Looks at one disk with every format that is known. Reads only, few and small ranges. */
final class DiskScanner {

    private static final String NOTHING =
            "no metadata of a known format is on it (Intel's stands at the very end: an image that is shorter than its disk has lost it)";

    private static final int TORN_READS = 3;
    private static final long TORN_PAUSE_NANOS = 3_000_000L;
    private static final int LARGE_SECTOR_BYTES = 4096;

    private final List<MetadataFormat> formats;

    DiskScanner(List<MetadataFormat> formats) {
        this.formats = formats;
    }

    ScannedDisk scan(OpenDisk open) {
        Optional<DiskGeometry> native512 = open.geometry();
        if (native512.isEmpty()) {
            return bare(
                    open,
                    Optional.empty(),
                    "its blocks have %d bytes, and no metadata is known for that"
                            .formatted(open.device().limits().blockBytes()));
        }
        try {
            List<Found> all = new ArrayList<>();
            for (MetadataFormat format : formats) {
                look(format, native512.get(), open).ifPresent(all::add);
            }
            List<Found> outermost = all.stream()
                    .filter(each -> all.stream().noneMatch(each::liesWithin))
                    .toList();
            List<Found> left = outermost.isEmpty() ? newest(all) : outermost;
            if (left.size() == 1) {
                return found(open, left.getFirst());
            }
            if (!left.isEmpty()) {
                return contested(open, left);
            }
            List<String> others = RaidSignatures.of(new DiskPages(open)).stream()
                    .map(Printable::of)
                    .toList();
            return bare(
                    open,
                    native512,
                    others.isEmpty()
                            ? NOTHING
                            : "it carries %s, which this engine does not read".formatted(String.join(" and ", others)));
        } catch (ReadFailed failed) {
            return new ScannedDisk(
                    open.number(),
                    open.disk(),
                    open.device().limits().sizeBytes(),
                    native512,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    ScannedDisk.Role.UNREADABLE,
                    String.valueOf(failed.getMessage()));
        }
    }

    /**
     * What a format has on the disk.
     *
     * @param geometry in which it was found
     */
    private record Found(MetadataFormat format, DiskGeometry geometry, Finding finding) {

        long createdAt() {
            return finding instanceof Finding.Whole(var metadata) ? metadata.createdAt() : 0;
        }

        /**
         * Whether this metadata stands in what another's array has for its data: then it belongs to what somebody keeps in that array, or is left
         * from what the disk was before. Two that claim each other's place both say so.
         */
        boolean liesWithin(Found other) {
            if (other == this || !(other.finding instanceof Finding.Whole(var metadata))) {
                return false;
            }
            long place = format.anchor(geometry).offset();
            return metadata.claims().stream().anyMatch(claim -> claim.offset() <= place && place < claim.end());
        }
    }

    /** Where each lies in the data of another, what was made last was made over the others; all of them where that is not known. */
    private static List<Found> newest(List<Found> all) {
        long newest = all.stream().mapToLong(Found::createdAt).max().orElse(0);
        boolean known = all.stream().allMatch(each -> each.createdAt() != 0);
        return known ? all.stream().filter(each -> each.createdAt() == newest).toList() : all;
    }

    private static Optional<Found> look(MetadataFormat format, DiskGeometry geometry, OpenDisk open) throws ReadFailed {
        Finding finding = probe(format, geometry, open);
        if (!(finding instanceof Finding.Absent)) {
            return Optional.of(new Found(format, geometry, finding));
        }
        // An image of a disk with large sectors does not say that it is one.
        DiskGeometry large = new DiskGeometry(geometry.sizeBytes(), LARGE_SECTOR_BYTES);
        if (geometry.sectorBytes() < LARGE_SECTOR_BYTES && geometry.sizeBytes() % LARGE_SECTOR_BYTES == 0) {
            Finding second = probe(format, large, open);
            if (!(second instanceof Finding.Absent)) {
                return Optional.of(new Found(format, large, second));
            }
        }
        return Optional.empty();
    }

    /** A torn block may be one that is just being written. */
    private static Finding probe(MetadataFormat format, DiskGeometry geometry, OpenDisk open) throws ReadFailed {
        Finding finding = format.probe(geometry, open.reads());
        for (int again = 1; again < TORN_READS && finding instanceof Finding.Torn; again++) {
            LockSupport.parkNanos(TORN_PAUSE_NANOS);
            finding = format.probe(geometry, open.reads());
        }
        return finding;
    }

    private static ScannedDisk contested(OpenDisk open, List<Found> all) {
        String because =
                "it carries metadata of %s, and nothing says which of them is left from before: clear what is old on a copy of the disk"
                        .formatted(
                                all.stream().map(each -> each.format().name()).collect(Collectors.joining(" and of ")));
        return new ScannedDisk(
                open.number(),
                open.disk(),
                open.device().limits().sizeBytes(),
                Optional.of(all.getFirst().geometry()),
                open.reported().map(text -> new KnownSerial(text, open.origin())),
                Optional.empty(),
                Optional.of(new Finding.Malformed(new MetadataRefused(because))),
                ScannedDisk.Role.DAMAGED,
                because);
    }

    private static ScannedDisk found(OpenDisk open, Found what) {
        MetadataFormat format = what.format();
        Finding finding = what.finding();
        Optional<KnownSerial> serial = open.reported()
                .map(format::normalSerial)
                .filter(text -> !text.isEmpty())
                .map(text -> new KnownSerial(text, open.origin()));
        String because = switch (finding) {
            case Finding.Absent() -> NOTHING;
            case Finding.Whole whole -> "it carries %s metadata".formatted(format.name());
            case Finding.Torn torn -> torn.because();
            case Finding.Malformed(var refusal) -> refusal.sentence();
        };
        return new ScannedDisk(
                open.number(),
                open.disk(),
                open.device().limits().sizeBytes(),
                Optional.of(what.geometry()),
                serial,
                Optional.of(format.name()),
                Optional.of(finding),
                finding instanceof Finding.Whole ? ScannedDisk.Role.FOREIGN : ScannedDisk.Role.DAMAGED,
                because);
    }

    private static ScannedDisk bare(OpenDisk open, Optional<DiskGeometry> geometry, String because) {
        return new ScannedDisk(
                open.number(),
                open.disk(),
                open.device().limits().sizeBytes(),
                geometry,
                open.reported().map(text -> new KnownSerial(text, open.origin())),
                Optional.empty(),
                Optional.empty(),
                ScannedDisk.Role.BARE,
                because);
    }
}
