namespace PgCluster.Engine.Switchover;

/// <summary>How far the clients' way to another database has come.</summary>
public enum RedirectState
{
    /// <summary>Announced: poolers rehearse it and go on following the primary.</summary>
    Pending = 0,

    /// <summary>In force: poolers lead to the other database, whoever the primary is.</summary>
    Active,
}
