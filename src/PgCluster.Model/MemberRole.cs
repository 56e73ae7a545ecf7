namespace PgCluster;

/// <summary>What a member does for its cluster.</summary>
public enum MemberRole
{
    /// <summary>Registered, and nothing is asked of it.</summary>
    Spare = 0,

    /// <summary>Streams, and no commit waits for it.</summary>
    StandBy,

    /// <summary>The primary, or one of the standbys that commits may wait for.</summary>
    Voter,
}
