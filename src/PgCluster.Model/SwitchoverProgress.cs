namespace PgCluster;

/// <summary>How far a copy is.</summary>
/// <param name="Tables">Tables to copy.</param>
/// <param name="TablesDone">Tables copied.</param>
/// <param name="Rows">Rows copied.</param>
/// <param name="RowsExpected">Rows to copy, by the source's statistics: an estimate.</param>
/// <param name="Bytes">Bytes sent.</param>
/// <param name="BytesExpected">Bytes to send, by the size of the source's tables: an estimate.</param>
/// <param name="ElapsedSeconds">Seconds since the copy began.</param>
/// <param name="RemainingSeconds">Seconds left at the speed so far; null before there is one.</param>
/// <param name="CurrentTable">A table being copied; empty when none.</param>
public sealed record SwitchoverProgress(
    int Tables, int TablesDone, long Rows, long RowsExpected, long Bytes, long BytesExpected, double ElapsedSeconds, double? RemainingSeconds, string CurrentTable);
