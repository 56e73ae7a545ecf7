using Npgsql;
using PgCluster.Adapters.Postgres;

namespace PgCluster.Adapters.Switchover;

/// <summary>Connections to the two databases of a switchover. In a rollback source and target have changed places.</summary>
public sealed class SwitchoverDatabases : IAsyncDisposable
{
    /// <summary>Opens nothing yet.</summary>
    /// <param name="sourceUri">libpq URI of the source.</param>
    /// <param name="targetUri">libpq URI of the target.</param>
    /// <param name="nameOnSource">application_name of connections to the source.</param>
    /// <param name="nameOnTarget">application_name of connections to the target.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a URI cannot be read.</exception>
    public SwitchoverDatabases(string sourceUri, string targetUri, string nameOnSource, string nameOnTarget)
    {
        SourceUri = LibpqUri.Parse(sourceUri);
        TargetUri = LibpqUri.Parse(targetUri);
        Source = Build(SourceUri, nameOnSource);
        Target = Build(TargetUri, nameOnTarget);
    }

    /// <summary>Where the source is.</summary>
    public LibpqUri SourceUri { get; }

    /// <summary>Where the target is.</summary>
    public LibpqUri TargetUri { get; }

    /// <summary>Connections to the source. A session setting must not outlive its use: they are pooled.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>Connections to the target.</summary>
    public NpgsqlDataSource Target { get; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync().ConfigureAwait(false);
        await Target.DisposeAsync().ConfigureAwait(false);
    }

    internal static NpgsqlDataSource Build(LibpqUri uri, string applicationName)
    {
        var settings = uri.ToConnectionString();
        settings.ApplicationName = applicationName;
        settings.Timeout = Math.Max(1, (int)(uri.ConnectTimeout ?? TimeSpan.FromSeconds(15)).TotalSeconds);

        // A copy takes as long as it takes; every statement is bounded by its token.
        settings.CommandTimeout = 0;
        settings.TcpKeepAlive = true;
        settings.MaxPoolSize = 100;
        settings.ReadBufferSize = 1 << 16;
        settings.Enlist = false;
        settings.IncludeFailedBatchedCommand = true;
        return NpgsqlDataSource.Create(settings);
    }
}
