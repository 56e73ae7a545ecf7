namespace PgCluster;

/// <summary>What becomes of a voter that is offline when nobody can take its place.</summary>
public enum RoleMode
{
    /// <summary>It stays a voter: commits may wait until it is back, and none is acknowledged by fewer than asked for.</summary>
    Strict = 0,

    /// <summary>It is dropped, so that commits go on with those that are left; the plan says so as a warning.</summary>
    Relaxed,
}
