using Microsoft.Extensions.Logging;

namespace PgCluster.Adapters.Switchover;

/// <summary>What is logged about the rows of a switchover: events 2720 to 2739.</summary>
internal static partial class SwitchoverDataLog
{
    [LoggerMessage(2720, LogLevel.Debug, "Part {Part} of {Parts} of {Table} copied: {Rows} rows, {Bytes} bytes", EventName = "switchover.part_copied")]
    public static partial void PartCopied(ILogger logger, string table, int part, int parts, long rows, long bytes);

    [LoggerMessage(2721, LogLevel.Information, "The lock on {Table} for the change triggers is not to be had at once; sessions in the way: {Sessions}",
        EventName = "switchover.lock_busy")]
    public static partial void LockBusy(ILogger logger, string table, string sessions);

    [LoggerMessage(2722, LogLevel.Debug, "{Changes} changes of {Tables} tables applied in {Seconds} s", EventName = "switchover.synced")]
    public static partial void Synced(ILogger logger, long changes, int tables, double seconds);

    [LoggerMessage(2723, LogLevel.Warning, "The change log could not be vacuumed: {Detail}", EventName = "switchover.vacuum_failed")]
    public static partial void VacuumFailed(ILogger logger, string detail);
}
