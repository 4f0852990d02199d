#!/usr/bin/env bash
# comment.sh NUMBER FILE: writes FILE as a comment on a pull request or an issue. A former comment of this automation
# with the same first line is replaced. Needs GH_TOKEN and GITHUB_REPOSITORY.
set -euo pipefail
number=$1 file=$2
marker=$(head -n 1 "$file")
[ -n "$marker" ] || { echo "$file is empty: the preview failed before it had a result" >&2; exit 1; }
export marker
former=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$number/comments?per_page=100" \
  --jq '.[] | select(.user.login == "github-actions[bot]")
    | select((.body | split("\n")[0] | rtrimstr("\r")) == env.marker) | .id' \
  | head -n 1)
if [ -n "$former" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$former" --field "body=@$file"
else
  gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" --field "body=@$file"
fi
