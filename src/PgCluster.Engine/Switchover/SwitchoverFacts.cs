namespace PgCluster.Engine.Switchover;

/// <summary>Everything that was read from both servers before a switchover.</summary>
/// <param name="Source">The database the application uses now.</param>
/// <param name="Target">The database it is to use.</param>
public sealed record SwitchoverFacts(DatabaseFacts Source, DatabaseFacts Target)
{
    /// <summary>Whether a lock taken in the source was seen in the target: both URIs lead to the same database.</summary>
    public bool SameDatabase { get; init; }

    /// <summary>Whether an interrupted run of the same tables and engine is gone on with: what the target holds is its copy.</summary>
    public bool Resumes { get; init; }

    /// <summary>Major version of the newest pg_dump of this machine; null when there is none, or it was not looked for.</summary>
    public int? DumpMajor { get; init; }
}
