package redoubt.cli;

import java.io.IOException;
import redoubt.assembly.Access;
import redoubt.assembly.Disk;
import redoubt.assembly.DiskOpener;
import redoubt.block.BlockDevice;
import redoubt.block.DiskRefused;
import redoubt.nbd.NbdClient;
import redoubt.nbd.NbdClientOptions;
import redoubt.nbd.NbdUri;

/** Opens disks wherever they are: NBD URIs by the client of the nbd room, everything else as files and block devices. */
final class AnyDisks implements DiskOpener {

    private final DiskOpener files;

    AnyDisks(DiskOpener files) {
        this.files = files;
    }

    @Override
    public BlockDevice open(Disk disk, Access access, long memberTimeoutNanos) throws DiskRefused {
        if (!NbdUri.looksLikeOne(disk.location())) {
            return files.open(disk, access, memberTimeoutNanos);
        }
        try {
            return NbdClient.open(
                    NbdUri.parse(disk.location()),
                    NbdClientOptions.DEFAULTS
                            .withReadOnly(access.readOnly())
                            .withTimeLimitNanos(memberTimeoutNanos == 0 ? Long.MAX_VALUE : memberTimeoutNanos));
        } catch (NbdUri.Malformed wrong) {
            throw new DiskRefused(DiskRefused.Reason.NOT_A_DISK, message(wrong));
        } catch (IOException silent) {
            throw new DiskRefused(DiskRefused.Reason.FAILED, message(silent));
        }
    }

    private static String message(Exception thrown) {
        return String.valueOf(thrown.getMessage());
    }
}
