using Npgsql;
using PgCluster.Adapters.Postgres;

namespace PgCluster.Adapters.Switchover;

/// <summary>Connections to the two databases of a switchover. In a rollback source and target have changed places.</summary>
public sealed class SwitchoverDatabases : IAsyncDisposable
{
    /// <summary>Opens nothing yet.</summary>
    /// <param name="options">The switchover.</param>
    /// <param name="applicationName">application_name of its connections.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a URI cannot be read.</exception>
    public SwitchoverDatabases(SwitchoverOptions options, string applicationName)
    {
        ArgumentNullException.ThrowIfNull(options);
        SourceUri = LibpqUri.Parse(options.SourceUri);
        TargetUri = LibpqUri.Parse(options.TargetUri);
        Source = Build(SourceUri, applicationName);
        Target = Build(TargetUri, applicationName);
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

    private static NpgsqlDataSource Build(LibpqUri uri, string applicationName)
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
