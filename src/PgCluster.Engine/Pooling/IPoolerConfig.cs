using PgCluster.Engine.Switchover;

namespace PgCluster.Engine.Pooling;

/// <summary>The configuration file of one PgBouncer, made from a template.</summary>
public interface IPoolerConfig
{
    /// <summary>Renders the template for this target and puts the result in the place of the file, all at once or not at all.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: the template cannot be used or the file not be written.</exception>
    Task WriteAsync(PoolerTarget target, CancellationToken cancellationToken);

    /// <summary>Why the template could not lead clients along <paramref name="redirect"/>; null when it could. Writes nothing.</summary>
    Task<string?> ObjectionAsync(Redirect redirect, CancellationToken cancellationToken);
}
