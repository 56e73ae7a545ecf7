using System.Net.Http.Json;
using System.Text.Json.Nodes;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Hosts;

/// <summary>Which member leads etcd, by its own HTTP API; so that a host can be lost that has the leader.</summary>
internal static class EtcdLeader
{
    /// <summary>Makes the member on a host the leader; it is when this returns.</summary>
    public static async Task MoveToAsync(IReadOnlyList<NamespaceHost> hosts, NamespaceHost host, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var wanted = (string?)(await StatusAsync(host))["header"]!["member_id"];
        while (true)
        {
            var leader = (string?)(await StatusAsync(host))["leader"];
            if (leader == wanted)
            {
                return;
            }

            foreach (var other in hosts)
            {
                // Only the leader itself can hand over.
                if ((string?)(await StatusAsync(other))["header"]!["member_id"] == leader)
                {
                    using var _ = await PostAsync(other, "transfer-leadership", new JsonObject { ["targetID"] = wanted });
                }
            }
        }

        async Task<JsonNode> StatusAsync(NamespaceHost member)
        {
            using var answer = await PostAsync(member, "status", []);
            return (await answer.Content.ReadFromJsonAsync<JsonNode>(cancellationToken))!;
        }

        async Task<HttpResponseMessage> PostAsync(NamespaceHost member, string method, JsonObject request) =>
            (await http.PostAsJsonAsync(new Uri($"http://{member.Address}:2379/v3/maintenance/{method}"), request, cancellationToken)).EnsureSuccessStatusCode();
    }
}
