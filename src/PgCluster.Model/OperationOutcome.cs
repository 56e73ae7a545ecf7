namespace PgCluster;

/// <summary>How an operation ended.</summary>
public enum OperationOutcome
{
    /// <summary>Every step was done.</summary>
    Succeeded = 0,

    /// <summary>A step failed and everything done before was undone.</summary>
    RolledBack,

    /// <summary>A step failed and something could not be undone, or the change stands incomplete: a person has to look.</summary>
    NeedsOperator,
}
