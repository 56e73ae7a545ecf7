using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Keeps the primary's address in the store as Pacemaker has it: a change is written at once, and a key that somebody deleted or changed by hand is written again. Every agent does this; each write requires
/// that the key is as it was before Pacemaker was asked, so that an agent which was held up cannot write an old primary over a new one.
/// </summary>
internal sealed class PacemakerPublisher(PacemakerContext node)
{
    /// <summary>The key as it stands now: read before Pacemaker is asked.</summary>
    public Task<StoreEntry?> ReadAsync(CancellationToken cancellationToken) => node.Store.GetAsync(node.Keys.Primary, cancellationToken);

    /// <summary>Writes the key where it is not as Pacemaker has it.</summary>
    /// <param name="before">The key as it stood before the look.</param>
    /// <param name="look">What Pacemaker says.</param>
    /// <param name="own">The server of this node: as the primary it is published once it accepts writes, and not before.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task TurnAsync(StoreEntry? before, PacemakerLook look, PostgresStatus own, CancellationToken cancellationToken)
    {
        if (look.Roles?.Primary is { } primary && (primary.Node.Name != node.Self.Name || own is { Role: NodeRole.Primary, State: NodeState.Running }))
        {
            await WriteAsync(before, primary.Node, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the address of the primary where the key says another.</summary>
    /// <param name="before">The key as it stood before Pacemaker was asked; when it has changed since, nothing is written.</param>
    /// <param name="primary">Whom Pacemaker has as the primary.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAsync(StoreEntry? before, CibNode primary, CancellationToken cancellationToken)
    {
        var address = await AddressOfAsync(primary, cancellationToken).ConfigureAwait(false);
        if (before?.Value == address)
        {
            return;
        }

        var commit = await node.Store.CommitAsync(
            [before is null ? new StoreCondition.Absent(node.Keys.Primary) : new StoreCondition.ModRevisionIs(node.Keys.Primary, before.ModRevision)],
            [new StoreOperation.Put(node.Keys.Primary, address)],
            cancellationToken).ConfigureAwait(false);
        if (commit.Succeeded)
        {
            PacemakerLog.Published(node.Logger, address, primary.Name, commit.Revision);
        }
    }

    /// <summary>Publishes this node, whose server accepts writes since Pacemaker promoted it.</summary>
    /// <returns>The address and the revision it stands at.</returns>
    public async Task<(string Address, long Revision)> PublishSelfAsync(CancellationToken cancellationToken)
    {
        var address = new PrimaryAddress(node.Self.Host, node.Self.Port).ToString();
        var update = await node.Store.CompareAndUpdateAsync(node.Keys.Primary, address, cancellationToken).ConfigureAwait(false);
        PacemakerLog.Published(node.Logger, address, node.Self.Name, update.Entry.ModRevision);
        return (address, update.Entry.ModRevision);
    }

    /// <summary>The address that a node is published by: as the configuration has it, or, of a node that it does not name, as corosync does.</summary>
    public async Task<string> AddressOfAsync(CibNode primary, CancellationToken cancellationToken) =>
        node.Config.Nodes.FirstOrDefault(n => n.Name == primary.Name) is { } known
            ? new PrimaryAddress(known.Host, known.Port).ToString()
            : await node.Pacemaker.GetAddressAsync(primary.Id, cancellationToken).ConfigureAwait(false);
}
