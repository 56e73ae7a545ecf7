namespace PgCluster.Adapters.Postgres;

/// <summary>The frame of one WAL record.</summary>
/// <param name="Begin">Where it begins.</param>
/// <param name="End">Where it ends: the next one begins here, or behind the page header that stands here.</param>
/// <param name="Previous">Where the record before it begins.</param>
/// <param name="Manager">Its resource manager; 0 for the log itself.</param>
/// <param name="Info">What it is to that manager, the high four bits.</param>
internal sealed record WalRecord(Lsn Begin, Lsn End, Lsn Previous, byte Manager, byte Info)
{
    private const byte ShutdownCheckpoint = 0x00;
    private const byte OnlineCheckpoint = 0x10;
    internal const byte SegmentSwitch = 0x40;

    internal bool IsCheckpoint => Manager == 0 && (Info is ShutdownCheckpoint or OnlineCheckpoint);
}
