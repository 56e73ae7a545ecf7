namespace PgCluster.Adapters.PgBouncer;

/// <summary>An ErrorResponse: what the server said, with its SQLSTATE. The connection goes on unless the severity is FATAL.</summary>
internal sealed class ServerErrorException : Exception
{
    public ServerErrorException(string severity, string sqlState, string text)
        : base($"{severity} {sqlState}: {text}")
    {
        Severity = severity;
        SqlState = sqlState;
    }

    /// <summary>ERROR, FATAL or PANIC.</summary>
    public string Severity { get; }

    /// <summary>Five characters.</summary>
    public string SqlState { get; }
}
