"""Roles, assignments and the lead's page, in Simplified Chinese."""

from typing import Any

from inffeed_core.project.roles import Right

WORDS: dict[str, dict[str, Any]] = {
    "rights": {
        str(Right.ROOM): "设置审核室",
        str(Right.DATA): "导入文本和标签，或排除文本",
        str(Right.LABELS): "更改标签",
        str(Right.TRAIN): "训练、分析或取消它们",
        str(Right.VERSION): "选择使用的版本及其决策方式",
        str(Right.FEEDBACK): "请求、应用或撤销反馈",
        str(Right.EXPORT): "导出和备份",
        str(Right.SEE_ALL): "查看所有人的决定、一致性和数据",
        str(Right.TEAM): "更改角色和分配文本",
        str(Right.PUT_AWAY): "重命名、归档、删除或恢复项目",
    },
    "team": {
        "you": "你",
        "person": "{name} · {role}",
        "lead": "负责人",
        "annotator": "标注员",
        "another_name": "换个名字",
        "say_who": "你是谁？",
        "no_lock": "名字不是锁：此服务器不核对名字。角色防的是误操作，而不是滥用。",
        "go_on": "以此名字继续",
    },
}
