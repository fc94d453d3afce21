package redoubt.assembly;

import java.util.List;
import redoubt.metadata.VolumePicture;

/** The members of a clean array agree: mirrors byte by byte, and parity with what it is made from. */
final class Agreement {

    private Agreement() {}

    /** Looks at all of a volume's part of each disk; disk {@code n} is in slot {@code n}. */
    static void expect(String where, List<byte[]> images, VolumePicture volume) {
        int begin = (int) volume.slots().getFirst().dataOffsetSectors() * 512;
        int end = begin + (int) volume.componentSectors() * 512;
        for (int at = begin; at < end; at++) {
            if (!agrees(images, volume, at)) {
                throw new AssertionError("%s: %s is called clean, and its members differ at byte %d"
                        .formatted(where, volume.name(), at));
            }
        }
    }

    private static boolean agrees(List<byte[]> images, VolumePicture volume, int at) {
        return switch (volume.level()) {
            case RAID1 -> images.get(0)[at] == images.get(1)[at];
            case RAID10 -> images.get(0)[at] == images.get(1)[at] && images.get(2)[at] == images.get(3)[at];
            case RAID5 -> parityOf(images, at) == 0;
            case RAID0, LINEAR, RAID4, RAID6 -> true;
        };
    }

    private static int parityOf(List<byte[]> images, int at) {
        int parity = 0;
        for (byte[] image : images) {
            parity ^= image[at];
        }
        return parity;
    }
}
