package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.WriteRound;
import redoubt.metadata.WriteRound.MemberWrites;
import redoubt.metadata.WriteRound.Step;

/**
 * What to write where (docs/FORMATS.md, "Where it stands"): on each disk the migration record is cleared, then the extension is written and
 * flushed, and the anchor comes last. As long as only the anchor changes, the write of one sector is all there is to tear. That an extension
 * is there already is believed only where it was found in the very bytes in which it would be written, or was written so.
 */
final class ImsmWrites {

    private ImsmWrites() {}

    static WriteRound round(ImsmContainer container, Optional<ImsmContainer> onDisk) throws MetadataRefused {
        ImsmContainer next = container.withMpb(nextGeneration(container.mpb()));
        int sector = container.sectorBytes();
        if (next.mpb().bytes() > ImsmPlaces.MPB_BYTES_MAX) {
            throw new MetadataRefused(
                    "the IMSM metadata would have %d bytes, and a block has at most %d; remove a volume first"
                            .formatted(next.mpb().bytes(), ImsmPlaces.MPB_BYTES_MAX));
        }
        byte[] block = next.mpb().withoutVolumes() ? new byte[0] : next.mpb().encode(sector);
        byte[] before = onDisk.filter(
                        old -> !old.mpb().withoutVolumes() && !old.mpb().restated())
                .map(old -> old.mpb().encode(sector))
                .orElse(new byte[0]);
        boolean keepsRecord = next.mpb().generalMigrationRuns();
        List<MemberWrites> disks = new ArrayList<>();
        for (ImsmMember member : next.members()) {
            Optional<ImsmMember> known = onDisk.flatMap(old -> old.memberOf(member.disk()));
            boolean spareUnchanged = known.isPresent() && known.get().isSpare() && member.isSpare();
            if (member.isSpare()) {
                if (!spareUnchanged) {
                    byte[] spare = ImsmSpare.block(member, sector).encode(sector);
                    disks.add(writes(member, spare, new byte[0], true));
                }
            } else if (next.usable(member.index())) {
                boolean wasMember = known.isPresent() && !known.get().isSpare();
                disks.add(writes(member, block, wasMember ? before : new byte[0], known.isEmpty() && !keepsRecord));
            }
        }
        return new WriteRound(next, disks);
    }

    private static ImsmSuper nextGeneration(ImsmSuper mpb) {
        if (mpb.withoutVolumes()) {
            return mpb;
        }
        ImsmSuper named = mpb.originalFamily() == 0 ? mpb.withFamily(mpb.family(), mpb.family()) : mpb;
        return named.withGeneration(named.generation() + 1).withRestated(false);
    }

    private static MemberWrites writes(ImsmMember member, byte[] block, byte[] before, boolean clearRecord) {
        DiskGeometry geometry = member.geometry();
        int sector = geometry.sectorBytes();
        ImsmPlaces places = ImsmPlaces.of(geometry, block.length);
        List<Step> steps = new ArrayList<>();
        if (clearRecord) {
            steps.add(new Step.Put(places.migrationRecordAt(), Bytes.zeros(sector)));
        }
        boolean sameExtension = block.length == before.length
                && Arrays.equals(block, sector, block.length, before, sector, before.length);
        if (places.extensionSectors() > 0 && !sameExtension) {
            steps.add(new Step.Put(places.extensionAt(), Bytes.of(block, sector, block.length - sector)));
        }
        if (!steps.isEmpty()) {
            steps.add(new Step.Flush());
        }
        steps.add(new Step.Put(places.anchorAt(), Bytes.of(block, 0, sector)));
        steps.add(new Step.Flush());
        return new MemberWrites(member.disk(), steps);
    }
}
