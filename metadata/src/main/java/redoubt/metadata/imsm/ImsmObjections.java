package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import redoubt.metadata.Objection;
import redoubt.metadata.Printable;

/**
 * Everything that stands against a wish for a volume.
 *
 * @param shape what follows from the wish
 */
record ImsmObjections(ImsmShape shape) {

    private static final int VOLUMES_MAX = 2;
    private static final int CHUNK_SECTORS_MIN = 4;
    private static final int CHUNK_SECTORS_MAX = 0x8000;

    /** In the order in which a user would want to know. */
    List<Objection> objections() {
        List<Objection> found = new ArrayList<>();
        objectToName(found);
        objectToLevel(found);
        objectToDisks(found);
        // Sizes have a meaning only where all else stands.
        if (found.isEmpty()) {
            objectToSize(found);
        }
        return found;
    }

    private static void object(List<Objection> found, String sentence) {
        found.add(new Objection(sentence));
    }

    private void objectToName(List<Objection> found) {
        String name = shape.plan().name();
        if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]{0,15}")) {
            object(
                    found,
                    "the name '%s' is not lawful for IMSM: 1 to 16 of letters, digits, '.', '_' and '-', not beginning with '.' or '-'; choose another"
                            .formatted(Printable.of(name)));
        }
        if (shape.container().mpb().devs().stream()
                .anyMatch(dev -> dev.nameText().equals(name))) {
            object(found, "the container has a volume '%s' already; choose another name".formatted(Printable.of(name)));
        }
    }

    private void objectToLevel(List<Objection> found) {
        int members = shape.plan().slots().size();
        switch (shape.plan().level()) {
            case RAID0 -> {
                if (members < 2) {
                    object(found, "a RAID0 of %d members makes no sense; name 2 or more disks".formatted(members));
                }
            }
            case RAID1 -> {
                if (members != 2) {
                    object(
                            found,
                            "IMSM knows RAID1 of exactly 2 members, not of %d; use RAID10 for more".formatted(members));
                }
            }
            case RAID5 -> {
                if (members < 3) {
                    object(found, "a RAID5 of %d members does not exist; name 3 or more disks".formatted(members));
                }
            }
            case RAID10 -> {
                if (members < 4 || members % 2 != 0) {
                    object(
                            found,
                            "IMSM knows RAID10 of 4, 6, 8... members, not of %d; name an even number"
                                    .formatted(members));
                }
            }
            case LINEAR, RAID4, RAID6 ->
                object(
                        found,
                        "IMSM has no %s; choose raid0, raid1, raid5 or raid10"
                                .formatted(shape.plan().level().word()));
        }
        int chunk = shape.chunkSectors();
        int unit = shape.container().sectorBytes() / 512;
        if (Integer.bitCount(chunk) != 1 || chunk < Math.max(CHUNK_SECTORS_MIN, unit) || chunk > CHUNK_SECTORS_MAX) {
            object(
                    found,
                    "a chunk of %d bytes is not lawful for IMSM; choose a power of two from %d bytes to 16 MiB"
                            .formatted(shape.plan().chunkBytes().orElse(0), Math.max(CHUNK_SECTORS_MIN, unit) * 512));
        }
        if (ImsmPolicy.of(shape.plan().policy(), shape.plan().level(), ImsmPolicy.MULTIPLE_OFF) < 0) {
            object(
                    found,
                    "IMSM has no consistency policy '%s' for %s; choose resync"
                            .formatted(
                                    shape.plan().policy().word(),
                                    shape.plan().level().word()));
        }
    }

    private void objectToDisks(List<Objection> found) {
        ImsmSuper mpb = shape.container().mpb();
        if (mpb.devs().size() >= VOLUMES_MAX) {
            object(
                    found,
                    "the container has %d volumes already, and no more fit; make another container"
                            .formatted(mpb.devs().size()));
            return;
        }
        if (mpb.generalMigrationRuns()) {
            object(found, "a reshape is under way in the container; finish it first");
        }
        Set<Integer> seen = new HashSet<>();
        for (OptionalInt disk : shape.plan().slots()) {
            if (disk.isPresent() && shape.container().memberOf(disk.getAsInt()).isEmpty()) {
                object(found, "disk %d is not in the container; add it first".formatted(disk.getAsInt()));
            } else if (disk.isPresent() && !seen.add(disk.getAsInt())) {
                object(found, "disk %d is named for two slots; name each disk once".formatted(disk.getAsInt()));
            }
        }
        if (seen.isEmpty() || (shape.missing() > 0 && shape.stateWithMissing() == ImsmMap.FAILED)) {
            object(
                    found,
                    "%d members are missing, more than %s survives; name more disks"
                            .formatted(shape.missing(), shape.plan().level().word()));
        }
        if (!mpb.devs().isEmpty() && !sameDisksAsFirst()) {
            object(
                    found,
                    "a second volume must be on the disks of the first, all present and in the same slots; name them so");
        }
    }

    private boolean sameDisksAsFirst() {
        ImsmMap first = shape.container().mpb().devs().getFirst().vol().map();
        if (first.members() != shape.plan().slots().size()) {
            return false;
        }
        for (int slot = 0; slot < first.members(); slot++) {
            int index = first.slots().get(slot).index();
            OptionalInt disk = shape.plan().slots().get(slot);
            if (!shape.container().usable(index)
                    || disk.isEmpty()
                    || !shape.container().indexOf(disk.getAsInt()).equals(OptionalInt.of(index))) {
                return false;
            }
        }
        return true;
    }

    private void objectToSize(List<Objection> found) {
        ImsmRoom room = ImsmRoom.largest(shape.container(), shape.membersInOrder());
        long wished = shape.plan().memberSectors().orElse(room.sectors());
        if (wished > room.sectors()) {
            object(
                    found,
                    "%d bytes on each member are wished, and there is room for %d; choose a smaller size"
                            .formatted(wished * 512, Math.max(0, room.sectors()) * 512));
        } else if (shape.shareSectors(room) == 0) {
            object(
                    found,
                    "%d bytes on each member are less than the smallest volume (%d bytes); choose a larger size or larger disks"
                            .formatted(Math.max(0, wished) * 512, shape.granule() * 512));
        }
    }
}
