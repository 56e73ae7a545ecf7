namespace PgCluster;

/// <summary>What commits wait for, and what gives way when there are too few standbys.</summary>
public enum SynchronousMode
{
    /// <summary>synchronous_standby_names is the operator's: it is recorded and never changed.</summary>
    Manual = 0,

    /// <summary>Commits wait for nobody.</summary>
    Performance,

    /// <summary>Commits wait for as many standbys as asked for while there are that many, then for fewer, then for none.</summary>
    Availability,

    /// <summary>Commits wait for as many standbys as asked for, however long that takes.</summary>
    Protection,
}
