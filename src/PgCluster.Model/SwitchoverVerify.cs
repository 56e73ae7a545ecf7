namespace PgCluster;

/// <summary>How much of the copy is compared with the source before the flip is allowed.</summary>
public enum SwitchoverVerify
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Row counts of every table, and checksums of about one row in a hundred.</summary>
    Sample,

    /// <summary>Row counts and checksums of every row.</summary>
    Full,
}
