namespace PgCluster.Engine.Switchover;

/// <summary>The pointer in a source database that says whether it is still the one in charge.</summary>
/// <param name="State">current_state as it is written there.</param>
/// <param name="RunId">The switchover that wrote it; null when none did.</param>
public sealed record SourcePointer(string State, Guid? RunId)
{
    /// <summary>A switchover copies and follows.</summary>
    public const string InProgress = "in_progress";

    /// <summary>The other database is in charge; this one refuses.</summary>
    public const string UseNextDatabase = "use_next_db";
}
