using PgCluster.Engine.Pooling;

namespace PgCluster.Engine.Events;

/// <summary>Tells from what keepers register that a pooler was paused or resumed. A pause that came and went between two looks is told too.</summary>
internal sealed class PauseTranslator
{
    private readonly Dictionary<string, PoolerPause> _known = new(StringComparer.Ordinal);

    /// <summary>The poolers whose clients wait, by name.</summary>
    public IEnumerable<string> Paused => _known.Where(p => p.Value.Until is null).Select(p => p.Key).Order(StringComparer.Ordinal);

    /// <summary>What a registration says that was not known.</summary>
    /// <param name="registration">Value of <c>/poolers/NAME</c>.</param>
    /// <param name="make">Makes an event of that kind.</param>
    public IEnumerable<ClusterEvent> Take(string registration, Func<ClusterEventKind, ClusterEvent> make)
    {
        if (PoolerRegistration.FromJson(registration) is not { } pooler)
        {
            yield break;
        }

        var before = _known.GetValueOrDefault(pooler.Name);
        if (pooler.LastPause is not { } last)
        {
            // A keeper that begins anew resumes what the one before left, and knows nothing of it.
            if (_known.Remove(pooler.Name) && before!.Until is null)
            {
                yield return make(ClusterEventKind.PoolerResumed) with { Pooler = pooler.Name, Node = pooler.Node, Evidence = $"clients of {pooler.Name} are served again: its keeper began anew" };
            }

            yield break;
        }

        _known[pooler.Name] = last;
        if (before?.Id != last.Id || before.Since != last.Since)
        {
            yield return make(ClusterEventKind.PoolerPaused) with { Pooler = pooler.Name, Node = pooler.Node, Actor = last.Holder.Length > 0 ? last.Holder : null, Evidence = $"clients of {pooler.Name} wait" };
            before = null;
        }

        if (last.Until is { } until && before?.Until is null)
        {
            yield return make(ClusterEventKind.PoolerResumed) with
            {
                Pooler = pooler.Name,
                Node = pooler.Node,
                Actor = last.Holder.Length > 0 ? last.Holder : null,
                Why = last.EndedBy,
                DurationSeconds = (until - last.Since).TotalSeconds,
                Evidence = $"clients of {pooler.Name} are served again",
            };
        }
    }
}
