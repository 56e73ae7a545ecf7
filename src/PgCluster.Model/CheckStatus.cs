namespace PgCluster;

/// <summary>How a check ended.</summary>
public enum CheckStatus
{
    /// <summary>As it should be.</summary>
    Passed = 0,

    /// <summary>Goes on, but a person should know.</summary>
    Warning,

    /// <summary>Says no.</summary>
    Failed,
}
