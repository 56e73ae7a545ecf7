using System.Globalization;

namespace PgCluster.Engine.Restart;

/// <summary>
/// In which order nodes are restarted. Standbys one after the other, those that no commit waits for first; the primary last, so that it is done when everything else has
/// shown that it comes back. The other way round where a setting goes down that a standby must have at least as large as its primary (max_connections and the like): a standby
/// that has less stops replaying.
/// </summary>
public static class RestartOrder
{
    /// <summary>Orders the chosen nodes.</summary>
    /// <param name="nodes">Every node that answers: those that are not restarted have to cope too.</param>
    /// <param name="chosen">Those that are restarted.</param>
    public static RestartSequence Decide(IReadOnlyList<RestartNode> nodes, IReadOnlyCollection<string> chosen)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        RestartNode[] standbys =
        [
            .. nodes.Where(n => chosen.Contains(n.Name) && !n.IsPrimary).OrderBy(n => n.IsSynchronous).ThenBy(n => n.Name, StringComparer.Ordinal),
        ];
        var primary = nodes.FirstOrDefault(n => n.IsPrimary);
        RestartNode[] last = primary is not null && chosen.Contains(primary.Name) ? [primary] : [];
        RestartNode[] natural = [.. standbys, .. last];
        var shortage = FirstShortage(nodes, primary, natural);
        if (shortage is null)
        {
            return Explain(natural, null);
        }

        RestartNode[] reversed = [.. last, .. standbys];
        return last.Length > 0 && FirstShortage(nodes, primary, reversed) is null
            ? Explain(reversed, $"{shortage.Value.Setting} goes down, and a standby must not have less than its primary")
            : new RestartSequence([.. natural.Select(n => (n.Name, ""))], shortage.Value.Text);
    }

    /// <summary>The first standby that would have less of a setting than the primary, on the way or in the end, and has not now.</summary>
    private static (string Setting, string Text)? FirstShortage(IReadOnlyList<RestartNode> nodes, RestartNode? primary, IReadOnlyList<RestartNode> order)
    {
        if (primary is null)
        {
            return null;
        }

        var restarted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in order)
        {
            restarted.Add(node.Name);
            foreach (var standby in nodes.Where(n => !n.IsPrimary))
            {
                foreach (var setting in primary.Limits.Keys.Order(StringComparer.Ordinal))
                {
                    var (had, has) = (standby.Limit(setting, false), standby.Limit(setting, restarted.Contains(standby.Name)));
                    var (needed, needs) = (primary.Limit(setting, false), primary.Limit(setting, restarted.Contains(primary.Name)));
                    if (has < needs && !(had < needed))
                    {
                        return (setting, string.Create(
                            CultureInfo.InvariantCulture,
                            $"{standby.Name} would have {setting} = {has} while {primary.Name}, the primary, has {needs}: it stops replaying then. Let both have it, and restart both; one that goes up and one that goes down at the same time take two rounds"));
                    }
                }
            }
        }

        return null;
    }

    private static RestartSequence Explain(IReadOnlyList<RestartNode> order, string? whyPrimaryFirst) => new(
        [.. order.Select(n => (n.Name, string.Join("; ", [Place(n, whyPrimaryFirst), .. n.Pending.Select(Describe)])))], null);

    private static string Place(RestartNode node, string? whyPrimaryFirst) => (node.IsPrimary, whyPrimaryFirst) switch
    {
        (true, null) => "the primary, in place, after the standbys",
        (true, _) => $"the primary, in place, first: {whyPrimaryFirst}",
        (false, null) => node.IsSynchronous ? "a synchronous standby, after those that no commit waits for" : "a standby that no commit waits for",
        _ => "a standby, after the primary",
    };

    /// <summary>A setting that waits for a restart, in words.</summary>
    internal static string Describe(Nodes.PendingSetting setting) => $"{setting.Name}: {setting.Value} -> {setting.NewValue ?? "unknown"}";
}
